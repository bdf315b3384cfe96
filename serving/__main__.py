"""``python -m serving`` is the ``steppe`` command."""

from serving.cli import main

raise SystemExit(main())
