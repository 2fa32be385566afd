"""What protects the provider: passwords, headers, the request guard, throttling, outbound fetch."""
