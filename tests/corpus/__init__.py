"""Bad input, generated: what the service must refuse well."""
