//! One run of each incident, second by second, as a small SVG written by hand.

use std::{fmt::Write as _, fs, io, path::Path, thread, time::Duration};

use crate::{
    clients,
    incident::{BEFORE, CAPACITY, Incident, Plan},
    stacks::Stack,
    tally::{SLICE, slices},
};

/// The same for all, so that pictures can be compared: a minute, at twice the capacity.
const LENGTH: Duration = Duration::from_secs(60);
const LOAD: f64 = 2.0;
/// What is shown before and after it.
const MARGIN: Duration = Duration::from_secs(20);
const LATER: Duration = Duration::from_secs(60);

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 40.0;
const MOST: f64 = 1.25 * CAPACITY;

pub(crate) fn write(incidents: &[Incident]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("outage");
    for incident in incidents.iter().filter(|incident| **incident != Incident::None) {
        fs::write(folder.join(format!("{}.svg", incident.slug())), plot(*incident))?;
    }
    Ok(())
}

fn plot(incident: Incident) -> String {
    let plan = Plan { length: LENGTH, load: LOAD, ..Plan::draw(incident, 1) };
    let lines: Vec<(Stack, Vec<f64>)> = thread::scope(|scope| {
        let runs = Stack::ALL.map(|stack| (stack, scope.spawn(move || goodput(&plan, stack))));
        runs.into_iter().map(|(stack, run)| (stack, run.join().expect("no panic"))).collect()
    });
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"16\" font-size=\"13\">{}: calls answered each second (asked for: {:.0}/s in the shaded \
         minute, {:.0}/s else)</text>\n",
        LEFT + WIDTH + 24.0,
        TOP + HEIGHT + 62.0,
        incident.name(),
        LOAD * CAPACITY,
        0.7 * CAPACITY,
    );
    let (from, to) = (across(MARGIN.as_secs_f64()), across((MARGIN + LENGTH).as_secs_f64()));
    let _ = writeln!(
        svg,
        "<rect x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{HEIGHT}\" fill=\"#f3ece0\"/>",
        to - from
    );
    for answered in [0.0, 20.0, 40.0, 60.0] {
        let y = up(answered);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {y:.1}H{:.1}\" stroke=\"#dddddd\"/><text x=\"{:.1}\" y=\"{:.1}\" \
             text-anchor=\"end\">{answered}</text>",
            LEFT + WIDTH,
            LEFT - 6.0,
            y + 4.0
        );
    }
    for seconds in (0..=120).step_by(20) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{} s</text>",
            across(f64::from(20 + seconds)),
            TOP + HEIGHT + 15.0,
            seconds
        );
    }
    for (place, (stack, line)) in lines.iter().enumerate() {
        let points = line.iter().enumerate().fold(String::new(), |mut points, (second, answered)| {
            #[expect(clippy::cast_precision_loss, reason = "a few hundred seconds")]
            let _ = write!(points, "{:.1},{:.1} ", across(second as f64 + 0.5), up(*answered));
            points
        });
        let colour = stack.colour();
        let _ = writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.4\"/>");
        let (column, row) = (place % 4, place / 4);
        #[expect(clippy::cast_precision_loss, reason = "eight stacks")]
        let (x, y) = (LEFT + column as f64 * WIDTH / 4.0, TOP + HEIGHT + 36.0 + row as f64 * 16.0);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {:.1}h14\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{:.1}\" y=\"{y:.1}\" \
             font-size=\"10\">{}</text>",
            y - 4.0,
            x + 18.0,
            stack.name()
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Calls answered in each second, by when they came.
fn goodput(plan: &Plan, stack: Stack) -> Vec<f64> {
    let run = clients::play(plan, stack);
    let slices = slices(&run.calls, BEFORE - MARGIN, plan.end() + LATER);
    let in_a_second = usize::try_from(Duration::from_secs(1).as_nanos() / SLICE.as_nanos()).unwrap_or(1);
    let answered = |slices: &[(u32, u32)]| f64::from(slices.iter().map(|(_, answered)| answered).sum::<u32>());
    slices.chunks_exact(in_a_second).map(answered).collect()
}

fn across(seconds: f64) -> f64 {
    LEFT + WIDTH * seconds / (MARGIN + LENGTH + LATER).as_secs_f64()
}

fn up(answered: f64) -> f64 {
    TOP + HEIGHT * (1.0 - answered.min(MOST) / MOST)
}
