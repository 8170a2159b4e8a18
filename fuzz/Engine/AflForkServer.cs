using System.Globalization;
using System.Runtime.InteropServices;
using Sluice.Fuzz.Coverage;
using Sluice.Fuzz.Targets;

namespace Sluice.Fuzz.Engine;

/// <summary>
/// The other end of afl-fuzz: it asks for an execution over a pipe, reads the edges from shared memory, and changes inputs in its own way. A process with a runtime of
/// many threads can't fork, so this is a fork server that forks nothing: it runs every input itself and says of a failure that a child was killed by SIGABRT.
/// </summary>
internal static unsafe partial class AflForkServer
{
    private const int FromFuzzer = 198;
    private const int ToFuzzer = 199;
    private const int KilledByAbort = 6;

    /// <param name="target">What runs.</param>
    /// <param name="path">Where afl-fuzz puts each input.</param>
    public static int Serve(FuzzTarget target, string path)
    {
        if (Environment.GetEnvironmentVariable("__AFL_SHM_ID") is not { } id)
            throw new InvalidOperationException("__AFL_SHM_ID is not set: this is started by afl-fuzz.");
        void* map = Attach(int.Parse(id, CultureInfo.InvariantCulture), null, 0);
        if ((nint)map == -1)
            throw new InvalidOperationException($"The memory of afl-fuzz can't be attached: error {Marshal.GetLastPInvokeError()}.");
        EdgeMap.CountInto((byte*)map);

        int word = 0;
        bool connected = Write(ToFuzzer, &word, sizeof(int)) == sizeof(int);
        while (connected && Read(FromFuzzer, &word, sizeof(int)) == sizeof(int))
        {
            word = Environment.ProcessId;
            connected = Write(ToFuzzer, &word, sizeof(int)) == sizeof(int);
            word = Holds(target, File.ReadAllBytes(path)) ? 0 : KilledByAbort;
            connected = connected && Write(ToFuzzer, &word, sizeof(int)) == sizeof(int);
        }

        return 0;
    }

    private static bool Holds(FuzzTarget target, byte[] input)
    {
        EdgeMap.BeginExecution();
        try
        {
            if (input.Length <= FuzzTarget.MaxInput)
                target.Run(input, thorough: false);
            return true;
        }
        catch (Exception)
        {
            // The input is kept by afl-fuzz; "replay" shows what it was.
            return false;
        }
    }

    [LibraryImport("libc", EntryPoint = "shmat", SetLastError = true)]
    private static partial void* Attach(int id, void* address, int flags);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(int file, void* buffer, nint count);

    [LibraryImport("libc", EntryPoint = "write")]
    private static partial nint Write(int file, void* buffer, nint count);
}
