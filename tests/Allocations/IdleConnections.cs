using Sluice.Resp;

namespace Sluice.Allocations;

/// <summary>What connections cost that do nothing: a process that has hundreds of them must not notice.</summary>
internal static class IdleConnections
{
    /// <summary>Of the managed heap: ring, buffers, slots.</summary>
    public const long ManagedLimitBytes = 64 * 1024;

    /// <summary>Of resident memory, with what the system and the runtime keep for the reader's thread; it varies with the page size and the allocator.</summary>
    public const long ResidentLimitBytes = 128 * 1024;

    private const int Count = 64;

    /// <summary>Bytes of the managed heap, and of resident memory (threads and sockets included), for one idle connection that was used before.</summary>
    public static (long Managed, long Resident) Measure(string url)
    {
        // The first ones pay for code and statics.
        Use(url, Count).Dispose();
        (long managed, long resident) = (Managed(), Environment.WorkingSet);
        using Connected connected = Use(url, Count);
        long managedAfter = Managed(), residentAfter = Environment.WorkingSet;
        return ((managedAfter - managed) / Count, (residentAfter - resident) / Count);
    }

    private static Connected Use(string url, int connections)
    {
        RespClient client = RespClient.ConnectAsync(RespClientOptions.Parse(url) with { Connections = connections }).AsTask().GetAwaiter().GetResult();
        for (int i = 0; i < 50 * connections; i++)
            client.IncrementByAsync($"idle:{i}", 1).AsTask().GetAwaiter().GetResult();
        return new Connected(client);
    }

    private static long Managed()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private sealed class Connected(RespClient client) : IDisposable
    {
        public void Dispose() => client.DisposeAsync().AsTask().GetAwaiter().GetResult();
    }
}
