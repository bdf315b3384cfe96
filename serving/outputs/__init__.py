"""What a finished map is handed out as: area tables, a picture, a STAC Item."""
