"""The catalogue in `spec/`: loaded, checked against the suite's markers, written from them, reported."""
