using System.Globalization;
using System.Text;

namespace Sluice.LockWorker;

/// <summary>Lines on a pipe, each in one write, so that a process that is killed has said all that it knew. Thread-safe.</summary>
internal sealed class WorkerLog(Stream output)
{
    private readonly Lock _gate = new();

    public void Say(string line)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(line + "\n");
        lock (_gate)
        {
            output.Write(bytes);
            output.Flush();
        }
    }

    /// <summary>An event of a handle, with what belongs to it.</summary>
    public void Say(char what, long handle, params ReadOnlySpan<long> numbers)
    {
        StringBuilder line = new();
        line.Append(CultureInfo.InvariantCulture, $"{what} {handle}");
        foreach (long number in numbers)
            line.Append(CultureInfo.InvariantCulture, $" {number}");
        Say(line.ToString());
    }
}
