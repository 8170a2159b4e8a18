using System.Globalization;
using Sluice;
using Sluice.LockWorker;
using Sluice.Resp;

// A process that takes locks, writes to two sinks while it has one, and says on standard output what it asked and what it was answered. It is told what to do on standard input: "round NAME" begins,
// "end" ends, "starve MS" fills its thread pool, "collect" makes its garbage collector work.
// With "references" it takes references instead, and "round NAME BUG" begins with a bug in what it does.
//   Sluice.LockWorker COORDINATOR-URL SINK-PORT SEED LEASE-MS locks|references
(string coordinator, int sinkPort, int seed, int lease) = (args[0], int.Parse(args[1], CultureInfo.InvariantCulture), int.Parse(args[2], CultureInfo.InvariantCulture), int.Parse(args[3], CultureInfo.InvariantCulture));
WorkerLog log = new(Console.OpenStandardOutput());
if (args[4] == "references")
    return await ReferenceWorker.RunAsync(coordinator, TimeSpan.FromMilliseconds(lease), seed, log);
await using RespClient sink = await RespClient.ConnectAsync(new RespClientOptions { Endpoint = RespEndpoint.Tcp("127.0.0.1", sinkPort), Connections = 1 });
EngineOptions options = new() { Redis = { coordinator }, Partitions = 2, Locks = { LeaseDuration = TimeSpan.FromMilliseconds(lease) } };
options.RequestTimeout = TimeSpan.FromMilliseconds(lease / 2);
await using SluiceEngine engine = await SluiceEngine.StartAsync(options);
log.Say("ready");
Callers? callers = null;
while (await Console.In.ReadLineAsync() is { } line)
{
    string[] words = line.Split(' ');
    switch (words[0])
    {
        case "round":
            callers = new Callers(engine.Locks, sink, log, words[1], unchecked((ulong)seed * 7919));
            seed++;
            break;
        case "end" when callers is not null:
            await callers.EndAsync();
            log.Say("done");
            callers = null;
            break;
        case "starve":
            Strain.Starve(TimeSpan.FromMilliseconds(int.Parse(words[1], CultureInfo.InvariantCulture)));
            break;
        case "collect":
            Strain.Collect();
            break;
        default:
            return 2;
    }
}

return 0;
