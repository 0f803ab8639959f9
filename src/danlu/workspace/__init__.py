"""Ground: artifacts, keys, locks, ledgers, events, progress, messages, errors. It knows no stage."""
