//! Runs one check of this program under memcheck and reads the reports, with the source of each frame.

use std::{
    env,
    fmt::{self, Display, Formatter},
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");

/// A report of memcheck: a use of bytes that are not initialised.
pub struct Report {
    /// A branch if this is `UninitCondition`, an address if it is `UninitValue`.
    pub kind: String,
    /// The number of times that this one instruction was reported.
    pub count: usize,
    /// The innermost frame comes first. Inlined functions have their own.
    pub frames: Vec<Frame>,
}

#[derive(Default)]
pub struct Frame {
    /// The function's name in the source, or what valgrind calls it.
    pub function: String,
    directory: String,
    file: String,
    line: usize,
    /// The line in the source, if there is one.
    pub source: String,
}

impl Frame {
    /// Returns the path of the source, relative to the repository for its own files.
    fn path(&self) -> String {
        let path = Path::new(&self.directory).join(&self.file);
        path.strip_prefix(fs::canonicalize(ROOT).unwrap_or_default())
            .unwrap_or(&path)
            .display()
            .to_string()
    }

    /// Returns the name of the package that the source belongs to: the library, a dependency of
    /// it, or `std`, whose source is not there.
    pub fn package(&self) -> &str {
        let directory = self.directory.as_str();
        if directory.starts_with("/rustc/") {
            return "std";
        }
        let Some((_, of_registry)) = directory.split_once("/registry/src/") else {
            return if self.path().starts_with("src/") {
                "hardtack"
            } else {
                ""
            };
        };
        let name_and_version = of_registry.split('/').nth(1).unwrap_or_default();
        name_and_version
            .rsplit_once('-')
            .map_or("", |(name, _)| name)
    }

    /// Says whether the frame is one of this program's.
    fn is_own(&self) -> bool {
        self.path().starts_with("tests/constant_time/")
    }

    fn look_up(&mut self) {
        let path: PathBuf = Path::new(&self.directory).join(&self.file);
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().take(self.line).collect();
        if let Some(line) = lines.last() {
            self.source = line.trim().to_owned();
        }
        if let Some(function) = function_around(&lines) {
            self.function = function.to_owned();
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}, {} times", self.kind, self.count)?;
        let outermost = self.frames.iter().position(Frame::is_own);
        let len = outermost.map_or(self.frames.len(), |place| place + 1);
        for frame in self.frames.iter().take(len) {
            let Frame {
                function,
                line,
                source,
                ..
            } = frame;
            writeln!(f, "    {function} at {}:{line}: {source}", frame.path())?;
        }
        Ok(())
    }
}

/// Runs this program with one argument under memcheck.
pub fn run(check: &str) -> (ExitStatus, Vec<Report>) {
    let program = env::current_exe().expect("the path of this program");
    let xml = program.with_extension("xml");
    let status = Command::new("valgrind")
        .args([
            "--quiet",
            "--read-inline-info=yes",
            "--num-callers=40",
            "--xml=yes",
        ])
        .arg(format!("--xml-file={}", xml.display()))
        .args([&program, Path::new(check)])
        .status()
        .expect("valgrind is not installed");
    let reports = parse(&fs::read_to_string(xml).expect("what valgrind wrote"));
    (status, reports)
}

/// Reads valgrind's XML, which has an element a line.
fn parse(xml: &str) -> Vec<Report> {
    let mut reports: Vec<(String, Report)> = Vec::new();
    let mut count = 0;
    for line in xml.lines() {
        let line = line.trim();
        let Some((tag, text)) = line.strip_prefix('<').and_then(|line| line.split_once('>')) else {
            continue;
        };
        let text = text.rsplit_once("</").map_or("", |(text, _)| text);
        let text = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&");
        let frame = reports
            .last_mut()
            .and_then(|(_, report)| report.frames.last_mut());
        match (tag, frame) {
            ("error", _) => {
                let report = Report {
                    kind: String::new(),
                    count: 0,
                    frames: Vec::new(),
                };
                reports.push((String::new(), report));
            }
            // How often each was reported stands at the end, the number before the name.
            ("count", _) => count = text.parse().expect("a count"),
            ("unique", _) => match reports.iter_mut().find(|(unique, _)| *unique == text) {
                Some((_, report)) => report.count = count,
                None => reports.last_mut().expect("an error").0 = text,
            },
            ("kind", _) => reports.last_mut().expect("an error").1.kind = text,
            ("frame", _) => {
                let (_, report) = reports.last_mut().expect("an error");
                report.frames.push(Frame::default());
            }
            ("fn", Some(frame)) => frame.function = text,
            ("dir", Some(frame)) => frame.directory = text,
            ("file", Some(frame)) => frame.file = text,
            ("line", Some(frame)) => frame.line = text.parse().expect("a line"),
            ("/frame", Some(frame)) => frame.look_up(),
            _ => {}
        }
    }
    reports.into_iter().map(|(_, report)| report).collect()
}

/// Returns the name of the function that a line stands in: the nearest line above that declares one and is indented
/// less than all lines between. Valgrind does not know the names of functions of other crates that were inlined.
fn function_around<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let (line, above) = lines.split_last()?;
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut least = indent(line);
    for line in above.iter().rev() {
        let text = line.trim_start();
        // What stands between a declaration's first line and its last is indented as the body is.
        if text.is_empty() || text.starts_with([')', '#']) || text.starts_with("where") {
            continue;
        }
        if indent(line) < least {
            least = indent(line);
            let mut words = text.split([' ', '(', '<']);
            if words.any(|word| word == "fn") {
                return words.next();
            }
        }
    }
    None
}
