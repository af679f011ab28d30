"""What everything stands on and which knows nobody: files, errors, settings, the device."""
