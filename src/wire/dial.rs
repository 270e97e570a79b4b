#[derive(Clone, Debug)]
pub struct Dialer;
