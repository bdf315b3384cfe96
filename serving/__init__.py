"""The service of Steppe: registry, engine, scene prediction, outputs, HTTP API and command line."""
