//! The reference implementation against the worked token of the format page, and its size.

use crate::kit::reference::{derive, key_id, prk, seal};

#[test]
fn reference_is_straight_line_and_short() {
    let lines = include_str!("../reference/mod.rs").lines().count();
    assert!(
        lines <= 150,
        "{lines} lines: nobody reads an oracle of this length"
    );
}

#[test]
fn worked_token_of_the_format() {
    let hex32 = |text| <[u8; 32]>::try_from(hex::decode(text).unwrap()).unwrap();
    let master = hex32("3cab12f960cfb61d8473da4128977ee54c3ba209f05fc6ad14836ad1b8278e75");
    assert_eq!(
        prk(&master),
        hex32("23d1cc9a4ee55d12dc51dbd267e4f6df6e30283e57a3de7de1f8effd9090085b")
    );
    assert_eq!(key_id(&master), [0xfc, 0x47, 0xef]);
    assert_eq!(
        derive(&master, "seal", b"greeting/1"),
        hex32("2ea3e41b172f6f86191de33996881a04bb9fe19abd34ae4710223b306e1d11bc")
    );
    let random = std::array::from_fn(|i| 0xa0 + i as u8);
    let token = |ad, block| {
        let scope = ("seal", &b"greeting/1"[..]);
        seal(
            &master,
            scope,
            ad,
            block,
            (1_700_000_000, random),
            b"\x05hello",
        )
        .unwrap()
    };
    assert_eq!(
        token(None, 0),
        "hPxH72VT8QCgoaKjpKWmp6ipqqusra6vuvwDp_GdVY7SWnDC8fAHZp4J14KeEg"
    );
    assert_eq!(
        token(Some(b"tenant-7"), 0),
        "hPxH72VT8QCgoaKjpKWmp6ipqqusra6vuvwDp_GdAbXtLR1Unm9x6JK2SiEAIQ"
    );
    assert_eq!(
        token(None, 16),
        "hfxH72VT8QCgoaKjpKWmp6ipqqusra6vZvGjK5ZSoZxYP6qURVtm3_sgbib0U6sCPw1B6PXSddc"
    );
}
