namespace Sluice.Harness;

/// <summary>
/// The real data sets. They are not part of the repository: they lie in <c>shared/data</c> beside it (or beside a folder around it), and a test that
/// wants one is skipped where it is absent.
/// </summary>
public static class RealInput
{
    /// <summary>The path of a data set, or null with the reason for a visible skip.</summary>
    /// <param name="name">The file's name, e.g. <c>apache_access.log.gz</c>.</param>
    /// <param name="absent">Why there is none, or empty.</param>
    public static string? Find(string name, out string absent)
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "shared", "data", name);
            if (File.Exists(path))
            {
                absent = "";
                return path;
            }
        }

        absent = $"The data set {name} is not here: it is expected in shared/data beside the repository.";
        return null;
    }
}
