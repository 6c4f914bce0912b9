//! A PostgreSQL server of a test's own: started in a temporary folder on a loopback port, stopped and removed with the
//! test, also when the test dies.
//!
//! The binaries are those in the folder that `CRM_POSTGRES_BIN` names; `cargo xtask test` installs some and sets it. Without
//! it a test fails and says so: nothing is skipped. The server refuses to run as root, so root hands it to `nobody`, with a copy
//! of the programs where they lie out of nobody's reach.

mod proxy;

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use postgres::{Client, Config, NoTls};
use tempfile::TempDir;

pub use proxy::{Cut, Proxy};

/// What went wrong, for whoever runs the tests.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const REMEDY: &str = "CRM_POSTGRES_BIN must name a folder with PostgreSQL's initdb and postgres. \
     `cargo xtask test postgres rust` installs them and runs these tests; or set it to an installed server, for example \
     CRM_POSTGRES_BIN=/usr/lib/postgresql/15/bin";

/// The folder of libraries that were copied with the programs.
const LIBRARIES: &str = "libraries";

/// Runs its arguments, and ends what they run when its standard input closes: when we ask for it, and when we are gone.
const KEEPER: &str =
    "exec 3<&0; \"$@\" </dev/null & server=$!; (cat; kill -INT $server) >/dev/null 2>&1 <&3 & wait $server";

/// A running server. Every test of a process shares one; the last to let go of it stops it.
pub struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    password: String,
    is_root: bool,
    keeper: Mutex<Option<Child>>,
    schemas: AtomicU32,
}

impl Server {
    /// The server of this process, started by whoever comes first.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub fn shared() -> Outcome<Arc<Server>> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = locked(&SHARED);
        if let Some(server) = shared.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(Server::own()?);
        *shared = Arc::downgrade(&server);
        Ok(server)
    }

    /// A server for one test alone, which may stop it.
    ///
    /// # Errors
    /// As [`Server::shared`].
    pub fn own() -> Outcome<Server> {
        Server::with("fsync = off\nfull_page_writes = off\nshared_buffers = 32MB")
    }

    /// A server whose commits are on disk: for measurements.
    ///
    /// # Errors
    /// As [`Server::shared`].
    pub fn durable() -> Outcome<Server> {
        Server::with("shared_buffers = 128MB")
    }

    fn with(settings: &str) -> Outcome<Server> {
        let programs = PathBuf::from(std::env::var_os("CRM_POSTGRES_BIN").ok_or(REMEDY)?);
        if !programs.join("initdb").exists() {
            return Err(format!("{} has no initdb. {REMEDY}", programs.display()).into());
        }
        let folder = tempfile::Builder::new().prefix("crm-postgres-").tempdir()?;
        let is_root = String::from_utf8(Command::new("id").arg("-u").output()?.stdout)?.trim() == "0";
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let password = folder.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut server = Server {
            folder,
            programs,
            port,
            password,
            is_root,
            keeper: Mutex::new(None),
            schemas: AtomicU32::new(0),
        };
        server.bring_within_reach()?;
        server.create(settings)?;
        server.start()?;
        Ok(server)
    }

    /// Whom root hands the server to may not come to a folder below root's own: then it gets a copy of the programs.
    fn bring_within_reach(&mut self) -> Outcome<()> {
        if !self.is_root {
            return Ok(());
        }
        run(Command::new("chown").arg("65534:65534").arg(self.folder.path()))?;
        let line = self.program("initdb");
        let mut asked = Command::new(&line[0]);
        asked.args(&line[1..]).arg("--version").current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
        if asked.status()?.success() {
            return Ok(());
        }
        let installed = self.programs.parent().ok_or(REMEDY)?;
        let copy = self.folder.path().join("programs");
        run(Command::new("cp").arg("-R").arg(installed).arg(&copy))?;
        // What they are linked with may lie beside their folder, out of reach like it.
        let linked = Command::new("ldd")
            .args(["initdb", "postgres"].map(|name| self.programs.join(name)))
            .output()?
            .stdout;
        let libraries = self.folder.path().join(LIBRARIES);
        fs::create_dir(&libraries)?;
        for path in String::from_utf8(linked)?.lines().filter_map(|line| line.split("=> ").nth(1)) {
            run(Command::new("cp").arg(path.split(" (").next().unwrap_or(path)).arg(&libraries))?;
        }
        self.programs = copy.join(self.programs.file_name().unwrap_or_default());
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of the server, as somebody whom it accepts.
    fn program(&self, name: &str) -> Vec<String> {
        let mut line: Vec<String> = Vec::new();
        if self.is_root {
            let nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
            line.extend(nobody.map(str::to_owned));
            let libraries = self.folder.path().join(LIBRARIES);
            if libraries.exists() {
                line.extend(["env".to_owned(), format!("LD_LIBRARY_PATH={}", libraries.display())]);
            }
        }
        line.push(self.programs.join(name).to_string_lossy().into_owned());
        line
    }

    fn create(&self, more: &str) -> Outcome<()> {
        let password_file = self.folder.path().join("password");
        fs::write(&password_file, &self.password)?;
        let settings = format!(
            "\nlisten_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = ''\nmax_connections = 60\n\
             {more}\nlog_min_messages = warning\n\
             log_line_prefix = '%m [%p] '\ntimezone = 'UTC'\n",
            self.port
        );
        if self.is_root {
            run(Command::new("chown").arg("-R").arg("65534:65534").arg(self.folder.path()))?;
        }
        let line = self.program("initdb");
        let mut initdb = Command::new(&line[0]);
        initdb.args(&line[1..]);
        initdb.args(["--username=crm", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        initdb.arg("--pwfile").arg(&password_file).arg("--pgdata").arg(self.data());
        run(initdb.current_dir("/"))?;
        let mut file = fs::OpenOptions::new().append(true).open(self.data().join("postgresql.conf"))?;
        file.write_all(settings.as_bytes())?;
        Ok(())
    }

    /// Starts it again after [`Server::stop`].
    ///
    /// # Errors
    /// What the server says.
    pub fn start(&self) -> Outcome<()> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log"))?;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).args(self.program("postgres")).arg("-D").arg(self.data());
        keeper.current_dir("/").stdin(Stdio::piped()).stdout(log.try_clone()?).stderr(log);
        *locked(&self.keeper) = Some(keeper.spawn()?);
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match self.admin() {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline || self.has_ended() => {
                    let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                    return Err(format!("the server does not answer: {error}\n{log}").into());
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn has_ended(&self) -> bool {
        locked(&self.keeper).as_mut().is_none_or(|keeper| matches!(keeper.try_wait(), Ok(Some(_))))
    }

    /// Stops it, cutting off whoever is connected.
    pub fn stop(&self) {
        if let Some(mut keeper) = locked(&self.keeper).take() {
            drop(keeper.stdin.take());
            let _ = keeper.wait();
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a schema.
    pub fn url(&self, schema: &str) -> String {
        self.url_at(self.port, schema)
    }

    /// The URL of a schema, reached through another port.
    pub fn url_at(&self, port: u16, schema: &str) -> String {
        format!("postgres://crm:{}@127.0.0.1:{port}/postgres?schema={schema}", self.password)
    }

    /// The URL of the database, to which `?schema=` can be added.
    pub fn database_url(&self) -> String {
        format!("postgres://crm:{}@127.0.0.1:{}/postgres", self.password, self.port)
    }

    /// A name for a schema that nobody has used.
    pub fn new_schema(&self) -> String {
        format!("ledger_{}", self.schemas.fetch_add(1, Ordering::Relaxed))
    }

    /// A bare connection, as a superuser, that is of no ledger.
    ///
    /// # Errors
    /// Of connecting.
    pub fn admin(&self) -> Result<Client, postgres::Error> {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("crm").password(&self.password).dbname("postgres");
        config.application_name("admin").connect(NoTls)
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(command: &mut Command) -> Outcome<()> {
    let Output { status, stderr, .. } =
        command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?} ended with {status}:\n{}", String::from_utf8_lossy(&stderr)).into())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
