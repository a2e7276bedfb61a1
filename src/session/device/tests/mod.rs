mod jws;
mod verify;
