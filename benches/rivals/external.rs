//! A rival that is a program: it prints its answer, then runs a round for each line on stdin and prints its CPU time.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use catchwater_benches::turns::Contender;

/// A running rival.
pub(super) struct External {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// First line of its output.
    pub(super) answer: String,
}

impl External {
    /// Starts a program and waits for its answer.
    pub(super) fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let output =
            child.stdout.take().ok_or_else(|| io::Error::other("the rival has no standard output"))?;
        let mut rival = Self { child, input, output: BufReader::new(output), answer: String::new() };
        rival.answer = rival.line()?;
        Ok(rival)
    }

    /// Makes it a contender that is timed by its own CPU time.
    pub(super) fn contender(mut self, name: &str) -> Contender<'static> {
        Contender::timing_itself(name, move || self.round())
    }

    fn round(&mut self) -> io::Result<Duration> {
        if let Some(input) = &mut self.input {
            writeln!(input)?;
            input.flush()?;
        }
        let seconds: f64 = self.line()?.parse().map_err(io::Error::other)?;
        Ok(Duration::from_secs_f64(seconds))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(io::Error::other(format!("the rival ended early: {}", self.child.wait()?)));
        }
        Ok(line.trim().to_owned())
    }
}

/// Ends the program and waits for it.
impl Drop for External {
    fn drop(&mut self) {
        // The program ends at the end of its input.
        self.input = None;
        let _ = self.child.wait();
    }
}
