"""The commands of ``steppe``, one module each; heavy imports happen when a command runs."""
