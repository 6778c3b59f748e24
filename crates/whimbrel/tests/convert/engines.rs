//! A test per engine.

macro_rules! engines {
    ($($name:ident)*) => {$(
        mod $name {
            #[test]
            fn sqlite() {
                crate::block_on(super::$name("sqlite"));
            }
            #[test]
            fn postgres() {
                crate::block_on(super::$name("postgres"));
            }
            #[test]
            fn mysql() {
                crate::block_on(super::$name("mysql"));
            }
        }
    )*};
}
