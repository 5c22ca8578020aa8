//! Densities known in closed form.
