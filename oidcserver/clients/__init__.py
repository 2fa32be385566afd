"""Client metadata: rules, registration, keys and sectors."""
