"""What stands behind riata's pytest plugin, `riata.pytest_plugin`: its settings, its loop, and how other plugins get that."""
