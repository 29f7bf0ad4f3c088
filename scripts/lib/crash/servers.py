"""RabbitMQ and MongoDB, as whoever pulls their plug sees them."""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pymongo
from pymongo.errors import PyMongoError

from cluster import wait_until

SCRIPTS = Path(__file__).resolve().parent.parent.parent
FOLDERS = {"rabbit": "BELFRY_TEST_RABBIT_DIR", "mongo": "BELFRY_TEST_MONGO_DIR"}
PROGRAMS = {"rabbit": "beam", "mongo": "mongod"}


class Servers:
    """The two that scripts/with-services has started. Other kinds have a store of their own."""

    # A proxy can stand before the store: it is one server, whose address is the one that clients use.
    is_single = True
    store_options = "directConnection=true"

    def __init__(self):
        self.folders = {name: os.environ[variable] for name, variable in FOLDERS.items()}
        self.store_hosts = os.environ["BELFRY_TEST_MONGODB_URL"].split("://")[1].split("/")[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def pid(self, name):
        return int(Path(self.folders[name], PROGRAMS[name] + ".id").read_text().split()[0])

    def send(self, name, number):
        os.kill(self.pid(name), number)

    def script(self, name, verb, *more):
        done = subprocess.run([SCRIPTS / name, verb, self.folders[name], *more],
                              capture_output=True, text=True, timeout=90)
        if done.returncode != 0:
            raise RuntimeError(f"scripts/{name} {verb}: {done.stderr}")
        return done.stdout

    def held(self, lane):
        """Queues of this lane that hold anything, ready or unacknowledged, as the broker lists them.

        It counts quorum queues every 5 s only: what this says may be that old.
        """
        listed = self.script("rabbit", "ctl", "-q", "list_queues", "--no-table-headers", "name",
                             "messages_ready", "messages_unacknowledged")
        rows = [line.split() for line in listed.splitlines() if lane in line]
        return [" ".join(row) for row in rows
                if not row[0].startswith("events.") and row[1:] != ["0", "0"]]

    def broker_log(self):
        return "".join(file.read_text(errors="replace")
                       for file in Path(self.folders["rabbit"], "log").glob("*.log"))


class SmallDisk(Servers):
    """A MongoDB of its own whose data folder is a file system of 160 MB, which can be filled."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.folders["mongo"] = str(folder)

    @staticmethod
    def lacks():
        return None if os.geteuid() == 0 else "root, to mount a small file system"

    def __enter__(self):
        data = self.folder / "db"
        data.mkdir(parents=True)
        run("mount", "-t", "tmpfs", "-o", "size=160m", "belfry", data)
        try:
            self.store_hosts = f"127.0.0.1:{self.script('mongo', 'start').strip()}"
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.script("mongo", "kill")
        run("umount", "--lazy", self.folder / "db")

    def fill(self):
        """Takes all the room there is, then writes until MongoDB has used up what it had reserved."""
        client = pymongo.MongoClient(f"mongodb://{self.store_hosts}/?{self.store_options}",
                                     serverSelectionTimeoutMS=500, socketTimeoutMS=2_000)
        journaled = pymongo.WriteConcern(w=1, j=True)
        other = client.get_database("other").get_collection("other", write_concern=journaled)
        with client:
            # A collection cannot be made on a full disk; that would be all that fails.
            other.insert_one({})
            self.take_all_room()
            try:
                for _ in range(200):
                    other.insert_one({"bytes": os.urandom(1 << 20)})
            except PyMongoError:
                return
        raise RuntimeError("MongoDB took 200 MB on a disk that is full")

    def take_all_room(self):
        ballast = os.open(self.folder / "db" / "ballast", os.O_CREAT | os.O_WRONLY)
        try:
            while True:
                os.write(ballast, bytes(1 << 16))
        except OSError:
            os.close(ballast)

    def free(self):
        """Room again; and MongoDB, which does not outlive a full disk, is started by whoever keeps it running."""
        (self.folder / "db" / "ballast").unlink()
        self.script("mongo", "start")


class Replicas(Servers):
    """A MongoDB of three members, each in a network namespace of its own, all on one bridge.

    Clients are outside and reach every member; what members say to each other can be cut alone.
    """

    is_single = False
    store_options = "replicaSet=rs3"
    PORT = 27017
    COUNT = 3

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        # A name of the kernel's, of 15 characters at most; one that is deleted is gone a while later.
        self.name = f"bo{os.getpid() % 100_000}{random.randrange(1_000):03}"
        self.network = f"198.18.{random.randrange(1, 255)}"
        self.hosts = [f"{self.network}.{11 + member}" for member in range(self.COUNT)]
        self.store_hosts = ",".join(f"{host}:{self.PORT}" for host in self.hosts)
        self.processes = [None] * self.COUNT

    @staticmethod
    def lacks():
        if os.geteuid() != 0:
            return "root, for network namespaces"
        return None if shutil.which("ip") else "Debian's package iproute2"

    # --- Beginning and end ---

    def __enter__(self):
        try:
            run("ip", "link", "add", self.name, "type", "bridge")
            run("ip", "address", "add", f"{self.network}.1/24", "dev", self.name)
            run("ip", "link", "set", self.name, "up")
            for member in range(self.COUNT):
                self.plug_in(member)
                self.start(member)
            self.initiate()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for member, process in enumerate(self.processes):
            if process is not None:
                process.kill()
                process.wait()
            # A namespace may outlive its name, and its end of the cable with it.
            subprocess.run(["ip", "link", "delete", f"{self.name}v{member}"], capture_output=True)
            subprocess.run(["ip", "netns", "delete", self.space(member)], capture_output=True)
        subprocess.run(["ip", "link", "delete", self.name], capture_output=True)

    def space(self, member):
        return f"{self.name}-{member}"

    def plug_in(self, member):
        space, outside = self.space(member), f"{self.name}v{member}"
        run("ip", "netns", "add", space)
        run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", space)
        run("ip", "link", "set", outside, "master", self.name, "up")
        for command in (f"address add {self.hosts[member]}/24 dev eth0", "link set eth0 up",
                        "link set lo up"):
            run("ip", "-n", space, *command.split())

    def start(self, member):
        data = self.folder / f"member-{member}"
        data.mkdir(parents=True, exist_ok=True)
        places = 'root=$1; . "$1/scripts/lib/places.sh"; find_mongod'
        mongod = run("bash", "-c", places, "-", SCRIPTS.parent).strip()
        self.processes[member] = subprocess.Popen(
            ["ip", "netns", "exec", self.space(member), mongod, "--dbpath", data, "--bind_ip_all",
             "--port", str(self.PORT), "--nounixsocket", "--replSet", "rs3", "--oplogSize", "64",
             "--wiredTigerCacheSizeGB", "0.25",
             "--wiredTigerEngineConfigString", "log=(file_max=16MB,prealloc=false)",
             "--setParameter", "diagnosticDataCollectionEnabled=false",
             "--logpath", self.folder / f"member-{member}.log", "--logappend"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def initiate(self):
        wait_until("all members answer", lambda: all(map(self.hello, range(self.COUNT))), 60)
        # As an installation has it: 10 s until the others elect one for a primary that is silent.
        members = [{"_id": member, "host": f"{host}:{self.PORT}"}
                   for member, host in enumerate(self.hosts)]
        self.command(0, "replSetInitiate", {"_id": "rs3", "members": members})
        wait_until("a primary and two that follow", lambda: self.primary() is not None and all(
            (self.hello(member) or {}).get("isWritablePrimary") or
            (self.hello(member) or {}).get("secondary") for member in range(self.COUNT)), 60)

    # --- Asking ---

    def command(self, member, *words, **more):
        with pymongo.MongoClient(self.hosts[member], self.PORT, directConnection=True,
                                 serverSelectionTimeoutMS=1_000, socketTimeoutMS=20_000) as client:
            return client.admin.command(*words, **more)

    def hello(self, member):
        try:
            return self.command(member, "hello")
        except PyMongoError:
            return None

    def primary(self):
        """Of two that think so, for as long as one is cut off, the one that was elected last."""
        found = [(hello["electionId"], member) for member in range(self.COUNT)
                 if (hello := self.hello(member)) and hello.get("isWritablePrimary")]
        return max(found)[1] if found else None

    # --- Breaking ---

    def step_down(self):
        self.command(self.primary(), "replSetStepDown", 60, secondaryCatchUpPeriodSecs=10)

    def kill_primary(self):
        self.victim = self.primary()
        self.processes[self.victim].kill()
        self.processes[self.victim].wait()

    def start_victim(self):
        self.start(self.victim)
        wait_until("the member follows again",
                   lambda: (self.hello(self.victim) or {}).get("secondary"), 60)

    def cut_off_primary(self):
        """Nothing that it sends reaches the others: to them it is silent, and they to it."""
        self.victim = self.primary()
        for host in self.others():
            run("ip", "-n", self.space(self.victim), "route", "add", "blackhole", f"{host}/32")

    def heal(self):
        for host in self.others():
            run("ip", "-n", self.space(self.victim), "route", "delete", "blackhole", f"{host}/32")
        wait_until("the member follows again",
                   lambda: (self.hello(self.victim) or {}).get("secondary"), 60)

    def others(self):
        return [host for member, host in enumerate(self.hosts) if member != self.victim]


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stderr}")
    return done.stdout
