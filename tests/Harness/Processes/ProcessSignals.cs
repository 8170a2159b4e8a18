using System.ComponentModel;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Sluice.Harness;

/// <summary>The signals that fault tests send. Linux and macOS; numbers differ between the two for STOP and CONT.</summary>
internal static partial class ProcessSignals
{
    public const int Kill = 9;

    public const int Terminate = 15;

    public static int Stop => OperatingSystem.IsMacOS() ? 17 : 19;

    public static int Continue => OperatingSystem.IsMacOS() ? 19 : 18;

    public static void Send(int processId, int signal)
    {
        if (kill(processId, signal) != 0)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"Signal {signal} could not be sent to process {processId}: {Marshal.GetLastPInvokeErrorMessage()}.");
    }

    /// <summary>
    /// Returns when every thread of the process has stopped: kill(2) only queues the signal, and a thread in the kernel stops when it comes out.
    /// </summary>
    public static void WaitUntilStopped(int processId)
    {
        if (!OperatingSystem.IsLinux())
            return;
        SpinWait spinner = default;
        while (!IsStopped(processId))
            spinner.SpinOnce();
    }

    private static bool IsStopped(int processId)
    {
        foreach (string thread in Directory.EnumerateDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/task")))
        {
            // The command name is in parentheses and may itself contain any character; the state is the letter after the last one.
            string stat = File.ReadAllText(Path.Combine(thread, "stat"));
            if (stat[stat.LastIndexOf(')') + 2] is not ('T' or 't' or 'Z' or 'X'))
                return false;
        }

        return true;
    }

#pragma warning disable IDE1006, SYSLIB1054 // the C library's own name
    [LibraryImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int kill(int pid, int signal);
#pragma warning restore IDE1006, SYSLIB1054
}
