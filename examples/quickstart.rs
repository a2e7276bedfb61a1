use hardtack::*;
fn main() {
    let ring=Keyring::new(Key::from_bytes(*b"\x3c\xab\x12\xf9\x60\xcf\xb6\x1d\x84\x73\xda\x41\x28\x97\x7e\xe5\x4c\x3b\xa2\x09\xf0\x5f\xc6\xad\x14\x83\x6a\xd1\xb8\x27\x8e\x75").unwrap());
    println!("{ring}");
    let c = Codec::new(&ring, "greeting/1");
    let o = c
        .open_at::<String>(
            "hPxH72VT8QCgoaKjpKWmp6ipqqusra6vuvwDp_GdVY7SWnDC8fAHZp4J14KeEg",
            Timestamp::from_unix(1700000000),
        )
        .unwrap();
    println!("{o:?}");
    println!("{:?}", c.seal("hello").unwrap());
}
