using Sluice.Samples.UpdateCache;

const int Processes = 4;
const int Users = 500;
const int Updates = 40_000;

await using Sluice.InProcessCoordinator coordinator = new();
UserDatabase database = new();
UpdateProcess[] processes = await Task.WhenAll(
    Enumerable.Range(0, Processes).Select(_ => UpdateProcess.StartAsync(UpdateProcess.Options(coordinator, capacity: 200), database)));

// A flood of updates, dealt to the processes as a load balancer would: every user is updated everywhere. The caches are too small for all users.
Random random = new(1);
DateTimeOffset start = DateTimeOffset.UtcNow;
for (int i = 0; i < Updates; i++)
{
    int user = (int)(Users * Math.Pow(random.NextDouble(), 3)); // few are busy, many are rare
    await processes[random.Next(Processes)].SetAsync($"user-{user}", $"/page-{random.Next(20)}", random.Next(10) == 0, start.AddMilliseconds(i));
    if (i % 10 == 0)
        await processes[random.Next(Processes)].ChangeAsync("user-0", $"setting-{random.Next(3)}", $"{i}", start.AddMilliseconds(i));

    if (i == Updates / 2)
    {
        // The database goes away for a while, and somebody asks for the busiest user's numbers now, although all processes hold them.
        database.FailNext(10);
        await processes[0].Users.ForceExpireAsync("user-0");
    }
}

Sluice.ShutdownReport[] reports = await Task.WhenAll(processes.Select(process => process.StopAsync().AsTask()));

long views = Enumerable.Range(0, Users).Sum(user => database.Find($"user-{user}")?.Views ?? 0);
Console.WriteLine($"{Updates:N0} updates of {Users} users in {Processes} processes became {database.Writes:N0} writes, one per session.");
Console.WriteLine($"{database.Deliveries.Count - database.Writes} of {database.Deliveries.Count:N0} deliveries failed and were tried again.");
foreach (IGrouping<Sluice.CompletionReason, Sluice.Completion<UserUpdate>> reason in database.Deliveries.GroupBy(delivery => delivery.Reason).OrderBy(group => group.Key))
    Console.WriteLine($"  ended because {reason.Key}: {reason.Count():N0}");
Console.WriteLine($"Views in the database: {views:N0}, {(views == Updates ? "exactly what came in" : "NOT WHAT CAME IN")}. Stops: {reports.Count(report => report.IsClean)} of {Processes} clean.");
Console.WriteLine($"What user-0 has set last: {string.Join(", ", database.FindSettings("user-0").OrderBy(setting => setting.Key).Select(setting => $"{setting.Key} = {setting.Value}"))}.");
return views == Updates ? 0 : 1;
