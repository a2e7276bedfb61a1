//! hardtack's adapters, one application for each framework.
