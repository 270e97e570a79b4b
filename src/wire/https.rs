#[derive(Debug)]
pub struct Https;
