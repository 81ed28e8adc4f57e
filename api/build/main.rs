//! What a plain build carries inside the binary: demonstration data, migrations, and the portal.

mod demo;
mod portal;

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=migrations");
    demo::list();
    portal::bundle();
}
