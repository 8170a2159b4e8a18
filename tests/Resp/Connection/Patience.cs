namespace Sluice.Resp.Tests.Connection;

/// <summary>How long a test waits for what should be there at once: only a failure takes so long.</summary>
internal static class Patience
{
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    public static Task<T> Soon<T>(this ValueTask<T> task) => task.AsTask().WaitAsync(Long);

    public static Task Soon(this ValueTask task) => task.AsTask().WaitAsync(Long);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Long);

    public static Task Soon(this Task task) => task.WaitAsync(Long);

    /// <summary>Waits for what no event announces.</summary>
    public static async Task UntilAsync(Func<bool> holds, string what)
    {
        for (long began = Environment.TickCount64; !holds(); await Task.Delay(1))
        {
            if (Environment.TickCount64 - began > Long.TotalMilliseconds)
                throw new TimeoutException($"Never came true: {what}.");
        }
    }
}
