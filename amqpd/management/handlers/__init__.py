"""The endpoints, by the kind of object that they are about. `routes` says which path leads to which of them."""
