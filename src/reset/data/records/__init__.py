"""Published rows as common records: mapping, filters, retrieval."""
