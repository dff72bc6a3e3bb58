// Builds the native addon; being written.

