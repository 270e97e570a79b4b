//! Bytes that nobody can guess.

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut random = [0; N];
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(&mut random).expect("the system has random numbers");
    random
}
