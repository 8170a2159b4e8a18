using Sluice;
using Sluice.Samples.Dogpiling;

// Every example with the same cast: a slow creator, and more callers than it could serve one by one.
const int Callers = 50;
TimeSpan expiry = TimeSpan.FromHours(1);
SettableClock clock = new();
DogpileOptions options = new() { Expiry = expiry, TimeProvider = clock, Name = "report" };
string folder = Directory.CreateTempSubdirectory("sluice-dogpile-").FullName;
int created = 0, failures = 0;

async ValueTask<string> CreateAsync(CancellationToken token)
{
    int number = Interlocked.Increment(ref created);
    await Task.Delay(50, token); // a slow query
    return $"report {number}";
}

async Task ShowAsync(string title, Func<string, Play, Task> call, int expectedCreations = 2)
{
    created = 0;
    Play play = new();
    await Task.WhenAll(Enumerable.Range(0, Callers).Select(i => call($"caller {i}", play))); // the first ones: there is nothing yet
    clock.Advance(expiry);
    await Task.WhenAll(Enumerable.Range(0, Callers).Select(i => call($"caller {i}", play))); // and after it has expired
    bool isRight = created == expectedCreations;
    failures += isRight ? 0 : 1;
    Console.WriteLine($"{title}: {created} creations for {2 * Callers} calls{(isRight ? "" : $", BUT {expectedCreations} WERE EXPECTED")}; "
        + $"{play.Count(DogpileOutcome.Created)} created, {play.Count(DogpileOutcome.Waited)} waited, {play.Count(DogpileOutcome.Stale)} fell through to the old value, {play.Count(DogpileOutcome.Current)} found it");
}

Dogpile<string> simple = new(options);
await ShowAsync("Simple", (who, play) => Examples.SimpleAsync(simple, who, CreateAsync, play, default));

SyncReaderDogpile<string> file = new(options);
await ShowAsync("Write lock against readers", (who, play) => Examples.ReadFileAsync(file, Path.Combine(folder, "report.txt"), who, CreateAsync, play, default));

CacheServer server = new(clock);
Dogpile<string> fronted = new(options);
await ShowAsync("Value function with a cache behind", (who, play) => Examples.ThroughCacheAsync(fronted, server, "report", CreateAsync, who, play, default));

Func<int, CancellationToken, Task<string>> cached = Examples.Cached<int, string>(expiry, clock, (_, token) => CreateAsync(token));
await ShowAsync("Caching decorator", async (who, play) => play.Note(who, DogpileOutcome.Current, await cached(7, default)));

CacheServer large = new(clock);
NameRegistry<string, Dogpile<string>> registry = new();
await ShowAsync(
    "Ten keys of very many",
    (who, play) => Examples.AmongManyKeysAsync(registry, options, large, $"key {who[^1]}", CreateAsync, who, play, default),
    expectedCreations: 20);
failures += registry.Count;
Console.WriteLine($"  dogpiles left in the registry: {registry.Count}");

MemoryDogpileStore store = new();
await using DogpileCache one = Examples.AcrossProcesses(store, Path.Combine(folder, "locks"), clock);
await using DogpileCache two = Examples.AcrossProcesses(store, Path.Combine(folder, "locks"), clock);
DogpileEntryOptions entry = new() { Expiry = expiry, StaleFor = TimeSpan.Zero };
int turn = 0;
await ShowAsync("File lock between two caches", async (who, play) =>
    play.Note(who, DogpileOutcome.Current, await (Interlocked.Increment(ref turn) % 2 == 0 ? one : two).GetOrCreateAsync("report", CreateAsync, entry)));

Directory.Delete(folder, recursive: true);
return failures == 0 ? 0 : 1;
