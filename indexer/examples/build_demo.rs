//! Makes the demo data of the program from open files: `build_demo SHARED_DATA OUT`.

use std::path::Path;
use std::process::ExitCode;

use nilometer_indexer::Error;
use nilometer_indexer::source::demo;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shared, out] = arguments.as_slice() else {
        eprintln!("usage: build_demo SHARED_DATA OUT");
        return ExitCode::from(2);
    };
    match run(Path::new(shared), Path::new(out)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot build the demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(shared: &Path, out: &Path) -> Result<(), Error> {
    let gathered = demo::gather(shared)?;
    for (collection, items) in &gathered.items {
        println!("{items:7}  {collection}");
    }
    for (collection, rows) in &gathered.observations {
        println!("{:7}  observations of {collection}", rows.num_rows());
    }
    for rejection in &gathered.rejections {
        println!("left out: {} {}: {}", rejection.file, rejection.record, rejection.reason);
    }
    let bytes = demo::build(&gathered, out)?;
    println!("{bytes} bytes  {}", demo::FILE);
    Ok(())
}
