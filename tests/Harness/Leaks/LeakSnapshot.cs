using System.Globalization;

namespace Sluice.Harness;

/// <summary>What a process holds at one moment, as far as a test run can leak it. On Linux all of it; elsewhere timers, temporary folders and hosts.</summary>
/// <param name="Sockets">TCP and UDP sockets by their kernel identity; local (Unix) ones belong to the test runner.</param>
/// <param name="Children">Process ids.</param>
/// <param name="Folders">Temporary folders that were not disposed.</param>
/// <param name="Pipes">Ends of anonymous pipes.</param>
/// <param name="Files">Open files that are not code.</param>
/// <param name="DedicatedThreads">Threads that are not the thread pool's.</param>
/// <param name="Timers">Active timers.</param>
/// <param name="QueuedWork">Work items that wait for the thread pool.</param>
public sealed record LeakSnapshot(
    IReadOnlySet<string> Sockets,
    IReadOnlySet<string> Children,
    IReadOnlySet<string> Folders,
    int Pipes,
    int Files,
    int DedicatedThreads,
    long Timers,
    long QueuedWork)
{
    // The runtime opens descriptors of its own (the socket engine's pipe, the process waiter's, reports of the runner), starts threads of its own
    // (finaliser, tiered compilation, sockets) and the runner keeps timers. A leak in a test repeats with the test; these do not.
    private const int DescriptorTolerance = 8;
    private const int ThreadTolerance = 12;
    private const int TimerTolerance = 8;

    private static readonly string[] CodeFiles = [".dll", ".so", ".pdb", ".exe"];

    /// <summary>What this process holds now.</summary>
    public static LeakSnapshot Take()
    {
        string[] descriptors = OperatingSystem.IsLinux() ? [.. Directory.GetFiles("/proc/self/fd").Select(LinkTarget)] : [];
        HashSet<string> network = NetworkInodes();
        return new LeakSnapshot(
            descriptors.Where(network.Contains).ToHashSet(StringComparer.Ordinal),
            ChildProcesses(),
            TemporaryFolder.Live.ToHashSet(StringComparer.Ordinal),
            descriptors.Count(target => target.StartsWith("pipe:", StringComparison.Ordinal)),
            descriptors.Count(IsDataFile),
            Math.Max(0, Threads() - ThreadPool.ThreadCount),
            Timer.ActiveCount,
            ThreadPool.PendingWorkItemCount);
    }

    /// <summary>One sentence for everything that is there now and was not in <paramref name="before"/>. Empty when nothing leaked.</summary>
    public IReadOnlyList<string> LeakedSince(LeakSnapshot before)
    {
        ArgumentNullException.ThrowIfNull(before);
        List<string> leaks = [];
        AddNew(leaks, "socket left open", Sockets, before.Sockets);
        AddNew(leaks, "child process left running", Children, before.Children);
        AddNew(leaks, "temporary folder left behind", Folders, before.Folders);
        AddGrowth(leaks, "open pipes", Pipes, before.Pipes, DescriptorTolerance);
        AddGrowth(leaks, "open files", Files, before.Files, DescriptorTolerance);
        AddGrowth(leaks, "threads that are not the thread pool's", DedicatedThreads, before.DedicatedThreads, ThreadTolerance);
        AddGrowth(leaks, "active timers", Timers, before.Timers, TimerTolerance);
        AddGrowth(leaks, "work items waiting for the thread pool", QueuedWork, before.QueuedWork, tolerance: 0);
        return leaks;
    }

    private static void AddNew(List<string> leaks, string what, IReadOnlySet<string> now, IReadOnlySet<string> before) =>
        leaks.AddRange(now.Except(before, StringComparer.Ordinal).Select(item => $"{what}: {item}"));

    private static void AddGrowth(List<string> leaks, string what, long now, long before, int tolerance)
    {
        if (now - before > tolerance)
            leaks.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: {before} before the tests, {now} after them (tolerance {tolerance})"));
    }

    private static string LinkTarget(string path)
    {
        try
        {
            string target = File.ResolveLinkTarget(path, returnFinalTarget: false)?.FullName ?? "";

            // "socket:[123]" is no path, but is made into one.
            return target.Contains(":[", StringComparison.Ordinal) ? Path.GetFileName(target) : target;
        }
        catch (IOException)
        {
            return ""; // closed since the folder was listed, as the listing's own descriptor is
        }
    }

    private static bool IsDataFile(string target) =>
        target.StartsWith('/')
        && !target.StartsWith("/dev/", StringComparison.Ordinal)
        && !target.StartsWith("/memfd:", StringComparison.Ordinal)
        && !CodeFiles.Contains(Path.GetExtension(target), StringComparer.OrdinalIgnoreCase);

    private static HashSet<string> NetworkInodes()
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (string table in (string[])["tcp", "tcp6", "udp", "udp6"])
        {
            string path = $"/proc/self/net/{table}";
            if (!File.Exists(path))
                continue;
            foreach (string line in File.ReadLines(path).Skip(1))
                names.Add($"socket:[{line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[9]}]");
        }

        return names;
    }

    private static HashSet<string> ChildProcesses()
    {
        HashSet<string> children = ProcessHost.Live.Select(host => Describe(host.Id, host.CommandLine)).ToHashSet(StringComparer.Ordinal);
        HashSet<int> known = ProcessHost.Live.Select(host => host.Id).ToHashSet();
        foreach (string task in OperatingSystem.IsLinux() ? Directory.GetDirectories("/proc/self/task") : [])
        {
            string list = Path.Combine(task, "children");
            if (!File.Exists(list))
                continue;
            foreach (string id in File.ReadAllText(list).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                int processId = int.Parse(id, CultureInfo.InvariantCulture);
                if (!known.Contains(processId))
                    children.Add(Describe(processId, "not started by ProcessHost"));
            }
        }

        return children;
    }

    private static string Describe(int processId, string commandLine) => string.Create(CultureInfo.InvariantCulture, $"{processId} ({commandLine})");

    private static int Threads() => OperatingSystem.IsLinux() ? Directory.GetDirectories("/proc/self/task").Length : 0;
}
