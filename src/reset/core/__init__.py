"""What every stage uses: errors, rows in and out, parameters, digests, and the names of tasks."""
