using System.Collections.Concurrent;
using Sluice;
using Sluice.Samples.Referencing;

// Two services: here in one process, each with an engine; elsewhere each in its own, with a server between them.
await using InProcessCoordinator coordinator = new();
await using SluiceEngine lookup = await SluiceEngine.StartAsync(new EngineOptions { Coordinator = coordinator });
await using SluiceEngine verification = await SluiceEngine.StartAsync(new EngineOptions { Coordinator = coordinator });
ConcurrentDictionary<string, UserRecord> cache = new();
UserDatabase database = new();
Enrichment emails = new(lookup, cache, database), addresses = new(verification, cache, database);

Reference byEmail = await emails.BeginAsync("me"), byAddress = await addresses.BeginAsync("me");
bool[] finished = await Task.WhenAll(
    emails.ApplyAsync(byEmail, static record => record with { Email = "me@example.org" }),
    addresses.ApplyAsync(byAddress, static record => record with { Address = "1 Main Street" }));

Console.WriteLine($"The {(finished[0] ? "e-mail" : "address")} came last, and the record was written: {database["me"]}.");
Console.WriteLine($"{database.Writes} write, of what {database.TimesModified("me")} services have found out.");
return finished.Count(static last => last) == 1 && database is { Writes: 1 } && database["me"] == new UserRecord("me@example.org", "1 Main Street") ? 0 : 1;
