"""``python -m serving`` is the ``steppe`` command."""

from serving.start import main

raise SystemExit(main())
