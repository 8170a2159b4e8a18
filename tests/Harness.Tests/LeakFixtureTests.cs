using System.IO.Pipes;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Xunit;

namespace Sluice.Harness.Tests;

public sealed class LeakFixtureTests
{
    // A watcher that only logs, or that the runner ignores, protects nobody: a leak must fail the run, and every kind must be named.
    [Fact]
    public async Task Leaks_fail_the_assembly_that_has_them()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Sockets and processes are read from /proc.");
        await using ProcessHost run = Run(typeof(Leaks));

        Assert.NotEqual(0, await run.ExitCode);
        string[] complaints =
            ["socket left open", "child process left running", "sleep 1000", "temporary folder left behind", "nobody looked", "active timers", "open pipes"];
        Assert.All(complaints, complaint => Assert.Contains(complaint, run.Transcript, StringComparison.Ordinal));
    }

    // The other side: an assembly that leaks nothing passes, so that the failures above are the leaks'.
    [Fact]
    public async Task An_assembly_that_leaks_nothing_passes()
    {
        await using ProcessHost run = Run(typeof(Tidy));

        Assert.True(await run.ExitCode == 0, run.Transcript);
    }

    private static ProcessHost Run(Type explicitTests) => ProcessHost.StartDotnet(
        explicitTests.Assembly.Location, ["--explicit", "only", "--filter-class", explicitTests.FullName!]);

    /// <summary>Run only by the tests above, in a process of its own.</summary>
    [Trait("Run", "OnRequest")]
    public sealed class Tidy
    {
        [Fact(Explicit = true)]
        public void Leak_nothing()
        {
            using TcpListener listener = new(IPAddress.Loopback, 0);
            listener.Start();
        }
    }

    /// <summary>Run only by the tests above, in a process of their own.</summary>
    [Trait("Run", "OnRequest")]
    public sealed class Leaks
    {
        private static readonly List<object> Roots = [];

        [Fact(Explicit = true)]
        public void Leak_a_socket()
        {
            TcpListener listener = new(IPAddress.Loopback, 0);
            listener.Start();
            Roots.Add(listener);
        }

        [Fact(Explicit = true)]
        public void Leak_a_process() => Roots.Add(ProcessHost.Start("sleep", ["1000"]));

        [Fact(Explicit = true)]
        public void Leak_a_folder() => Roots.Add(new TemporaryFolder());

        [Fact(Explicit = true)]
        public void Leak_timers()
        {
            for (int i = 0; i < 20; i++)
                Roots.Add(new Timer(_ => { }, null, TimeSpan.FromHours(1), TimeSpan.FromHours(1)));
        }

        [Fact(Explicit = true)]
        public void Leak_pipes()
        {
            for (int i = 0; i < 40; i++)
                Roots.Add(new AnonymousPipeServerStream());
        }

        [Fact(Explicit = true)]
        public void Leak_an_exception() => Fault();

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Fault() => _ = Task.FromException(new InvalidOperationException("nobody looked"));
    }
}
