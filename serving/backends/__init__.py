"""Runtimes that execute a bundle's graph, all behind one interface; `serving.engine` chooses among them."""
