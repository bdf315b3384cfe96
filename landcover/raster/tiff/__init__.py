"""The structure of TIFF files, read without GDAL: directories, pages, blocks and metadata."""
