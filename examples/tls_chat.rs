//! The chat server of `chat.rs` over TLS. Nothing of it is new but the endpoint, and a certificate to try it with.
//!
//! Run: `cargo run --example tls_chat`      It says what to try in two other terminals.
//!
//! With a certificate of your own: `cargo run --example chat tls:8443:certificate=server.pem:private_key=server.key`
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

#[path = "chat.rs"]
mod chat;

fn main() -> twisty::Result<()> {
    if std::env::args().len() > 1 {
        return chat::main();
    }
    // For this machine, signed by itself: who connects must be told to trust it.
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let file = std::env::temp_dir().join(format!("tls_chat-{}.pem", std::process::id()));
    let mut pem = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
    write!(pem, "{}{}", made.cert.pem(), made.signing_key.serialize_pem())?;

    let file = file.display();
    eprintln!("try: openssl s_client -connect localhost:8443 -CAfile {file} -verify_return_error -crlf -quiet");
    let mut chat = Command::new(std::env::current_exe()?);
    Err(chat.arg(format!("tls:8443:certificate={file}")).exec().into())
}
