mod jws;
mod vectors;
mod verify;
