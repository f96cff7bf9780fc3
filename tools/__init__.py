"""What sets the course up, builds it and validates it."""
