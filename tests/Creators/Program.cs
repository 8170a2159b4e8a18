using System.Globalization;
using Sluice.Creators;

// creators URL PREFIX HEARTBEAT-MS EXPIRY-MS: obeys the lines of standard input, and says on standard output what happens, one line each.
await using CreatorProcess process = await CreatorProcess.StartAsync(
    args[0], args[1], TimeSpan.FromMilliseconds(int.Parse(args[2], CultureInfo.InvariantCulture)), TimeSpan.FromMilliseconds(int.Parse(args[3], CultureInfo.InvariantCulture)));
Console.WriteLine("ready");
while (await Console.In.ReadLineAsync() is { } line)
    await process.ObeyAsync(line.Split(' '));
