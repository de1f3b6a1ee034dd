#[protocol(line, max_length = 80, idle_timeout = 60s)]
#[derive(Default)]
struct Echo;

#[protocol]
impl Echo {
    #[on(line)]
    fn echo(&mut self, line: &str) -> String {
        line.into()
    }
}
