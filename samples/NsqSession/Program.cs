using Sluice;
using Sluice.Samples.NsqSession;

const int Workers = 4;
const int Users = 200;
const int Messages = 4_000;
const int MaxInFlight = 50;

Broker broker = new(messageTimeout: TimeSpan.FromSeconds(60));
SessionStore store = new();
Random random = new(1);
for (int i = 0; i < Messages; i++)
    broker.Publish($"user-{random.Next(Users)}", isClick: random.Next(5) == 0);

await using InProcessCoordinator coordinator = new();
List<SessionWorker> workers = [];
for (int i = 0; i < Workers; i++)
{
    EngineOptions options = new() { Coordinator = coordinator, Partitions = 8, LeaseDuration = TimeSpan.FromSeconds(1) };
    workers.Add(await SessionWorker.StartAsync($"worker-{i}", broker, store, options, MaxInFlight));
}

// One worker dies in the middle, without a word. The broker gives its messages to the others; the others complete its sessions when its lease runs out.
await broker.WhenDeliveredAsync(Messages / 3);
await workers[^1].CrashAsync();
workers.RemoveAt(Workers - 1);

await broker.AllFinished;
Console.WriteLine($"{Messages:N0} messages were finished after {broker.Deliveries:N0} deliveries.");
await Task.WhenAll(workers.Select(worker => worker.Sessions.ExpireAllAsync().AsTask()));
await store.WhenCountedAsync(Messages);
ShutdownReport[] reports = await Task.WhenAll(workers.Select(worker => worker.StopAsync()));

long counted = store.Sessions.Sum(session => session.Value.Impressions + session.Value.Clicks);
int recovered = store.Sessions.Count(session => session.Reason == CompletionReason.Recovered);
Console.WriteLine($"{store.Sessions.Count} sessions were completed, {recovered} of them by others after their worker had died.");
Console.WriteLine($"Every message is in a session; {counted - Messages} are in two: they were flushed, and not yet finished, when the worker died (at most {MaxInFlight}).");
Console.WriteLine($"Stops: {reports.Count(report => report.IsClean)} of {reports.Length} clean.");
return counted >= Messages && counted <= Messages + MaxInFlight ? 0 : 1;
