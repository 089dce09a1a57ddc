//! `cargo xtask demo`: from a clone to a board in the browser.

use std::fs;
use std::thread;
use std::time::Duration;

use crate::args::Args;
use crate::needs::{self, Need};
use crate::paths;
use crate::problem::Problem;
use crate::process::Cmd;
use crate::service::{self, Probe, Service};
use crate::steps::{Plan, seconds};
use crate::tools;

const RELAY_PORT: u16 = 7171;
const PAGE_PORT: u16 = 5173;
const ROOM: &str = "demo";

const NEEDS: &[Need] = &[Need::Page, Need::Wheel, Need::Relay];

/// The arguments of the demo.
pub(crate) struct Options {
    relay_port: u16,
    page_port: u16,
    once: bool,
}

impl Options {
    pub(crate) fn parse(mut args: Args) -> Result<Options, Problem> {
        let options = Options {
            relay_port: args.value("--port")?.unwrap_or(RELAY_PORT),
            page_port: args.value("--page-port")?.unwrap_or(PAGE_PORT),
            once: args.switch("--once"),
        };
        args.finish()?;
        if options.relay_port == options.page_port {
            return Err(Problem::usage("--port and --page-port must differ"));
        }
        Ok(options)
    }

    fn relay_url(&self) -> String {
        format!("ws://127.0.0.1:{}/sync", self.relay_port)
    }

    /// The address to open. The page looks for the relay at its default port unless told.
    fn page_url(&self) -> String {
        let page = format!("http://127.0.0.1:{}/", self.page_port);
        match self.relay_port {
            RELAY_PORT => page,
            _ => format!("{page}?relay={}", self.relay_url()),
        }
    }
}

/// Builds, starts and watches everything until Ctrl-C.
pub(crate) fn run(options: Options) -> Result<(), Problem> {
    service::check_port(options.relay_port, "--port")?;
    service::check_port(options.page_port, "--page-port")?;
    println!("Building and starting a relay, a page and a Python replica that share one board.");
    let needs = needs::resolve(NEEDS);
    let mut plan = Plan::new(needs.len() + 3);
    plan.step("Tools of this machine", tools::check)?;
    needs::make_all(&mut plan, &needs)?;
    let mut services = start(&mut plan, &options)?;
    announce(&options, &plan, &services);
    if options.once {
        println!("--once: all of them answered, stopping");
        return Ok(());
    }
    loop {
        thread::sleep(Duration::from_millis(200));
        for service in &mut services {
            if let Some(problem) = service.has_ended()? {
                println!("\nThe {} ended.\n{problem}\nStarting it again.", service.name);
                service.restart()?;
                println!("The {} runs again, process {}.", service.name, service.pid());
            }
        }
    }
}

fn start(plan: &mut Plan, options: &Options) -> Result<Vec<Service>, Problem> {
    let servers = plan.step("Start of relay and page", |_| {
        let relay = Service::start("relay", relay(options), Some(Probe { port: options.relay_port, path: "/readyz" }))?;
        let page = Service::start("page", page(options), Some(Probe { port: options.page_port, path: "/" }))?;
        Ok([relay, page])
    })?;
    let bot = plan.step("Start of the Python replica", |_| Service::start("python", python_replica(options), None))?;
    Ok(servers.into_iter().chain([bot]).collect())
}

fn relay(options: &Options) -> Cmd {
    let listen = format!("127.0.0.1:{}", options.relay_port);
    Cmd::new(paths::relay())
        .words("serve --dev --data")
        .arg(paths::target().join("demo/data"))
        .arg("--listen")
        .arg(listen)
}

fn page(options: &Options) -> Cmd {
    Cmd::new("node")
        .words("node_modules/vite/bin/vite.js preview --strictPort --host 127.0.0.1 --port")
        .arg(options.page_port.to_string())
        .dir("web-demo")
}

fn python_replica(options: &Options) -> Cmd {
    Cmd::new(paths::venv_python())
        .words("-u bindings/python/examples/board_bot.py --url")
        .arg(options.relay_url())
        .arg("--room")
        .arg(ROOM)
}

fn announce(options: &Options, plan: &Plan, services: &[Service]) {
    println!("\nReady after {}.", seconds(plan.elapsed()));
    println!("\n    Open   {}", options.page_url());
    println!("\nOpen it twice: both tabs and the Python replica share the board.");
    println!("Relay  {}  room {ROOM}", options.relay_url());
    for service in services {
        println!("  {:<7} process {:<8} log target/demo/{}.log", service.name, service.pid(), service.name);
    }
    println!("Kill one of them, the relay say, and it is started again: nothing saved is lost.");
    println!("Ctrl-C ends everything; `cargo xtask clean-demo` forgets the board.");
}

/// `cargo xtask clean-demo`.
pub(crate) fn clean(args: Args) -> Result<(), Problem> {
    args.finish()?;
    let folder = paths::target().join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(Problem::file(&folder))?;
        println!("Removed {}", paths::display(&folder));
    } else {
        println!("There is nothing to remove: {}", paths::display(&folder));
    }
    Ok(())
}
