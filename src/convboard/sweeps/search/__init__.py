"""Random and TPE search: which settings are tried next."""
